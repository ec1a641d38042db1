compose.yml s/1\.1\.0/1.0.0/g
compose.yml s/^volumes:/  worker: { image: "laptime.example\/kv:1.0.0" }\n\nvolumes:/
