"""What this project believes of Earth Engine, and the checks that ask an engine."""
