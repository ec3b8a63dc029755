"""What `cdk synth`, `cdk diff` and `cdk deploy` run: every sample app, each in stacks of its own."""

from apps.app import build_app

build_app().synth()
