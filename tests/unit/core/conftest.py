from hypothesis import settings

settings.register_profile("karya", deadline=None)  # a busy machine is not a failed property
settings.load_profile("karya")
