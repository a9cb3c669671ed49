"""The audit over true ledgers, made by the store's own operations, and over the same with one thing wrong."""
