"""What others have published: advisories of makers and coordinators. Read from files that the user brings; nothing is fetched."""
