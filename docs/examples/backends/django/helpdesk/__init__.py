"""A backend for agents of Engage Digital, with Django."""
