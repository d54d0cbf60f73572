"""What touches the world: AWS, files, webhooks, and the in-memory twin of every port."""
