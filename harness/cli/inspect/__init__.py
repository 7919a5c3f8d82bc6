"""Commands that look and write nothing: status, why, logs, audit, cost, replay."""
