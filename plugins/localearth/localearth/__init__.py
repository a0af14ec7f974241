"""An Earth Engine on your own machine: answers the unmodified `ee` client, without a network or an account."""
