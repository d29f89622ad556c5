"""How sure an answer is: temperature, conformal sets, similarity to what was learned."""
