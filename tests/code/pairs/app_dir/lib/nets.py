import flax.linen as nn
import jax

MLP = nn.Dense
KEY = jax.random.PRNGKey
