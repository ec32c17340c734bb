import torch
from helpers.pretraining import TEACHER, write_teacher
from torch.testing import assert_close

from mmdefusion.models.teachers import CachedTeacher, cached_teacher


def build(tmp_path) -> CachedTeacher:
    write_teacher(tmp_path / 'teacher.pth')
    config = dict(type='mmdefusion.MAETeacher', arch=TEACHER, checkpoint=str(tmp_path / 'teacher.pth'))
    cached = CachedTeacher(config, folder=str(tmp_path / 'cache'))
    cached.init_weights()
    return cached


def test_each_image_is_asked_for_once(tmp_path):
    cached, asked = build(tmp_path), []
    cached.teacher.register_forward_hook(lambda _, args, tokens: asked.append(len(args[0])))
    images = torch.randn(3, 3, 32, 32)
    first = cached(images[:2])
    assert_close(cached(images), cached.teacher(images), atol=2e-3, rtol=2e-3)
    assert_close(cached(images)[:2], first, atol=0, rtol=0)
    assert asked == [2, 1, 3]
    assert_close(cached(images[:2].flip(0)), first.flip(0), atol=0, rtol=0)
    assert asked == [2, 1, 3]


def test_another_teacher_is_asked_again(tmp_path):
    cached, images = build(tmp_path), torch.randn(1, 3, 32, 32)
    before = cached(images)
    other = build(tmp_path)
    other.teacher.encoder.norm.weight.data *= 2
    assert not torch.allclose(other(images), before, atol=0.1)
    assert len(list((tmp_path / 'cache').glob('*/*.pt'))) == 2


def test_tokens_in_bfloat16_are_not_served_in_float32(tmp_path):
    cached, images = build(tmp_path), torch.randn(2, 3, 32, 32)
    with torch.autocast('cpu', torch.bfloat16):
        coarse = cached(images)
        assert_close(cached(images), coarse, atol=0, rtol=0)
    assert_close(cached(images), cached.teacher(images).half().float(), atol=0, rtol=0)
    assert not torch.equal(cached(images), coarse)
    assert len(list((tmp_path / 'cache').glob('*/*.pt'))) == 4


def test_no_weights_in_a_student_s_checkpoint(tmp_path):
    assert not build(tmp_path).state_dict()


def test_a_broken_file_is_written_again(tmp_path):
    cached, images = build(tmp_path), torch.randn(1, 3, 32, 32)
    before = cached(images)
    (file,) = (tmp_path / 'cache').glob('*/*.pt')
    for content in (b'', file.read_bytes()[:-9], b'cos\nsystem\n.'):
        file.write_bytes(content)
        assert_close(cached(images), before, atol=0, rtol=0)
        assert torch.load(file).shape == before.shape[1:]
    torch.save(torch.zeros(3, 3), file)
    assert_close(cached(images), before, atol=0, rtol=0)


def test_a_full_disk_ends_the_keeping_and_not_the_training(tmp_path, monkeypatch):
    cached, images, told = build(tmp_path), torch.randn(3, 3, 32, 32), []
    kept = cached(images[:1])

    def full(*_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patched:
        patched.setattr(torch, 'save', full)
        patched.setattr(cached_teacher, 'print_log', lambda message, *_: told.append(message))
        tokens = cached(images)
    assert_close(tokens[:1], kept, atol=0, rtol=0)
    assert_close(cached(images), tokens, atol=0, rtol=0)  # and nothing more is tried
    assert len(told) == 1 and 'cannot be written ([Errno 28] No space left on device): is the disk full?' in told[0]
    assert len(list((tmp_path / 'cache').glob('*/*'))) == 1 and not list((tmp_path / 'cache').glob('*/.*'))


def test_a_folder_that_cannot_be_written_ends_the_keeping(tmp_path):
    (tmp_path / 'cache').write_text('a file')
    cached, images = build(tmp_path), torch.randn(1, 3, 32, 32)
    assert_close(cached(images), cached(images), atol=0, rtol=0)


def test_a_file_of_too_few_tokens_is_written_again(tmp_path):
    cached, images = build(tmp_path), torch.randn(2, 3, 32, 48)
    before = cached(images)
    file = cached._path(images[0])
    torch.save(torch.load(file)[:-1].clone(), file)
    assert_close(cached(images), before, atol=0, rtol=0)
