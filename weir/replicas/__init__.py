"""Replicas: several processes that share their runs over Redis or Valkey. Imported only with `WEIR_REDIS_URL`."""
