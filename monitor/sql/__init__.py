"""What is kept in SQL: the tables, their migrations, and what more than one room reads of them."""
