"""What the cluster has to do while it is broken: jobs of every kind, and clients that steer them."""
