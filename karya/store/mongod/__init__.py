"""What it takes to run a mongod of our own: find it, bind it to this process, make it a primary."""
