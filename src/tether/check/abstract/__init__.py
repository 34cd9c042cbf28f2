"""What may be true at one point of a program: values, the things they refer to, and states made of both."""
