"""The whole chain on scikit-learn's digits: search, select, route, plan and run a committee of small networks."""
