"""What somebody came by: the promoter's code that touched them first."""
