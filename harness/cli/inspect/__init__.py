"""Commands that read and write nothing: status, why, logs, audit, cost, replay."""
