"""The rim: the only files that import Faust or aiokafka; what the pure stages decide is done here."""
