"""Facts, flows and behaviours to assets: who is there, what each one is, what stands behind gateways, who talks to whom."""
