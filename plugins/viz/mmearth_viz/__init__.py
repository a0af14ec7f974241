"""Pictures of datasets: views, reports, maps and the demo."""
