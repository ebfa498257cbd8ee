"""Speed and quality beside the peers: each module runs both in one run and prints JSON lines."""
