from .stems import list_images, match_stems

__all__ = ['list_images', 'match_stems']
