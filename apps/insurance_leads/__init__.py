"""Leads come as files: a bucket tells a topic, filters send each lead to its department, the rest is kept."""
