"""What clerks do at the counter beside redeeming: identify, help along, void, open and close shifts, switch."""
