"""A burst against a limit: reserved concurrency alone throttles good messages away, maximum concurrency does not."""
