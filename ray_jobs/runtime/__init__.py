"""What every job uses: Ray, its context, progress, logs, errors and versions."""
