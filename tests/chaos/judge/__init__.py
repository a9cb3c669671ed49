"""The independent judge. It knows what was submitted and what the targets recorded, and nothing of Karya: no
module of it imports karya, and it reads neither Karya's database nor its answers beyond the acknowledgement.

All times are whole milliseconds since 1970.
"""
