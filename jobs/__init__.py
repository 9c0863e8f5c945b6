"""What happens later: fine-tunes are followed, notices delivered."""
