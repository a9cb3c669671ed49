"""What stands between the parts of a cluster and loses, repeats and delays what they say to each other. Each
is a process of its own, so that the judges' work does not delay what it passes on."""
