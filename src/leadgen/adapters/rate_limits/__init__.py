"""Rate limiters: carriers of the admission rule of ``domain.limits``."""
