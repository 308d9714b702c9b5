"""A log directory comes in; what the dashboard's page asks for goes out: maps, columns, pictures, neighbours."""
