"""Stages that run on another machine."""
