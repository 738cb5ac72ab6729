"""HTTP: one blueprint a resource; handlers translate, services decide."""
