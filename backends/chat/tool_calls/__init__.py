"""Tool calls as models write them: one module for each kind of syntax."""
