"""A plan for other servers: a Triton model repository, a Ray Serve configuration."""

from .ray_serve import ray_serve_config, to_ray_serve
from .triton import to_triton, triton_configs

__all__ = ["ray_serve_config", "to_ray_serve", "to_triton", "triton_configs"]
