"""Who answers and trains: clients of the OpenAI API at any host."""
