"""How throughput grows with cores, workers, shards and nodes: a formula, and a simulation that checks it."""
