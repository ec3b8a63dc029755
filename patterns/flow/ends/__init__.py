"""What can become of a message: every end it can have, from each place where one enters.

**What counts as a loss.** A message is lost where it ends without a copy under a failure for which the
template could have provided:

* a delivery that fails for good and has no dead-letter queue, or one that cannot be written to;
* an asynchronous event that a function cannot process, or that Lambda stops because it goes round, with no
  destination or dead-letter queue on exactly the qualifier that is invoked, or none that it may write to;
* the record of a success whose destination cannot be written to: the next step never hears of it;
* a message that fails until its queue's retention ends: no redrive, a redrive the queue refuses, or a
  retention too short to reach the last receive;
* a message that is older than its dead-letter queue's retention when it gets there (standard queues keep
  the first enqueue time);
* a message whose queues are each other's dead-letter queues and all read: it goes round until its first
  clock ends;
* a message that nobody can read: every mapping disabled or without permission;
* a record that a stream's reader gives up on without a destination, tried or too old to be tried, or that
  blocks its shard until it expires, also where a queue or topic then gets its place in the stream;
* a message that every filter rejects - every subscription of a topic, every rule of a custom bus, the
  mapping of a queue that received it - unless another path without a filter takes it to somebody, or the
  filters provably leave no gap. Another mapping of the same queue is no other path: the two compete. That is
  a designed end (`FILTERED`), but one that nobody sees;
* an event that a bus cannot encrypt with its customer managed key, where the bus has no dead-letter queue;
* a message that an IoT rule cannot hand on and that has no error action: the device is not told.

Not a loss: a copy that waits in a dead-letter queue or destination (see `unwatched` for those that no
alarm tells of), or in the archive of a bus or FIFO topic that it came by and that keeps it for longer than
it takes to fail, what a consumer outside the templates takes, what a caller is told has failed (`REJECTED`),
events on the default bus that match no rule, what a reader of DocumentDB fails on and a backlog that outlives the
retention (no template can keep those; watch the age of the oldest message, or how far a stream's reader is behind),
and whatever cannot be told - which each fate then says.
"""

from patterns.flow.ends.stories import fates, losses, unwatched

__all__ = ["fates", "losses", "unwatched"]
