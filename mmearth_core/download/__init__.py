"""Steps 2 to 4: locate the images of each tile, fetch their pixels, write stacks and journal."""
