"""Three years of raw files in the platforms' own formats, and what every headline figure must be, in plain Python.

The modules of the platforms write the files, with the traps that real ones hold, and note what each row must count for.
They follow the contracts of the platforms and the definitions of the KPIs, and use no code of the project and no SQL.
"""
