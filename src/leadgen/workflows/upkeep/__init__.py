"""The workflow that mends what crashes and terminations left."""
