"""GATHER: the incidents of all services -> those that have one cause in common. Pure."""
