"""Components of the *Router accuracy* page: the catalogue of routes, question sets, and their evaluation."""
