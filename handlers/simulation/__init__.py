"""What a draw would do, before it is published: virtual spins, decided with numpy exactly as the engine decides."""
