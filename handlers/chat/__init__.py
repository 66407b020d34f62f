"""What operators let the official account say: replies, menus, notices."""
