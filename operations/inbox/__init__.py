"""The inbox: records that others have sent, kept in the operations database until their load."""
