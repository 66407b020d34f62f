"""Those who run the house: sign-in, organizations, jobs, and the record of what they did."""
