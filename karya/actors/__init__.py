"""Server, scheduler and worker as plain classes; `cluster` wraps them for Ray and wires everything."""
