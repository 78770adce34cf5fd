"""An answer on the page: text, figures, route, what is stored of it."""
