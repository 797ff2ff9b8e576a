"""What AWS does by itself when something happens or a time comes: EventBridge, its Scheduler, Systems Manager."""
