"""What every job uses: Ray, progress, logs, errors, versions."""
